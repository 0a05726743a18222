"""What the model may do for the people in a call, as they ask for it: one module for each kind of thing."""
