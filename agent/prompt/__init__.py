"""From an Ask to a Prompt: `build` chooses the form (`full`, MMRole's, or `compact`) and fits it into a budget."""
