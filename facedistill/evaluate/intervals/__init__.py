"""How sure a figure is: bootstrap over identities and seeds."""
