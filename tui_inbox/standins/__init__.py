"""Local stand-ins for channels: HTTP servers that check every request as the real ones do."""
