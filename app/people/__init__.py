"""Who may come, and who somebody is: the gate before Streamlit, cookies, login."""
