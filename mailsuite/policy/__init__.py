"""Who may send what to whom: single checks and the order they are asked in; the first no decides."""
