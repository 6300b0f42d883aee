"""The browser client and the live page, with real servers, Node.js and Chromium."""
