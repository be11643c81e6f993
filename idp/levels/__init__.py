"""How well it is known who a person is: levels of identity, what each rests on, and the ways to reach them."""
