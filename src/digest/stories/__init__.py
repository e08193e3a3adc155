"""Stories in: the folder of story files with its index, an editor's overrides, and imports from elsewhere."""
