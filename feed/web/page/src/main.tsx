import { connect } from "/feed.js";

console.log(connect);
