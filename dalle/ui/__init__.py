"""The studio page, one file a part; page.py assembles them. The only home of gradio beside app.py."""
