"""config.yaml: what it may say (`schema`), how it is read (`load`) and shown (`show`). Never holds a secret."""
