"""config.yaml: what it may say (`sections`), how it is read (`load`) and shown (`show`). Never holds a secret."""
