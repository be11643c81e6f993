"""``sau role`` about applications, and ``sau institution people``."""
