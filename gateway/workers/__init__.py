"""The loops between the rooms: plan what came in, deliver what goes out, fire what is due."""
