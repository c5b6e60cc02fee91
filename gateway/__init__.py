"""An async gateway that takes in every customer contact, answers what is safe and routes the rest."""

__version__ = "0.1.0"
