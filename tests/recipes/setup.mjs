// Node.js has WebSocket itself from 22 on; before that it is the package ws.
import WebSocket from "ws";

globalThis.WebSocket ??= WebSocket;
