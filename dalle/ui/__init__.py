"""The web page and its HTTP API: a sub-package for each tab. Only this package and app.py import gradio."""
