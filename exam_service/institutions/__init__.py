"""An institution's departments, and the roster of the physicians who mainly practise there."""
