"""Banks of items: stems, options, keys. The key of an exam item never leaves the server before it may."""
