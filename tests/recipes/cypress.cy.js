const server = Cypress.env("FEED_URL") ?? "http://127.0.0.1:8765";
const app = Cypress.env("APP_URL") ?? "http://127.0.0.1:3000/"; // the page that you test

describe("prices", () => {
  let market;
  const feed = (method, path = "") => cy.request(method, `${server}/markets/${market}${path}`).its("body");

  beforeEach(function () {
    market = this.currentTest.title.replaceAll(/[^\w.-]+/g, "-");
    feed("POST", "?scenario=flash-crash&at=00:02:00&paused=true");
  });

  afterEach(() => feed("DELETE"));

  it("comes back after a reset", () => {
    const socket = `${server.replace("http", "ws")}/?market=${market}&client=page`;
    cy.visit(`${app}?socket=${encodeURIComponent(socket)}`);
    cy.get("#state").should("have.text", "online");
    feed("POST", "/run_until?price=64500&symbol=BTC/USD");
    feed("POST", "/fault?kind=reset");
    feed("GET", "/state?channel=trading&symbol=BTC/USD").then((truth) => {
      cy.get("#connection").should("have.text", "2");
      cy.get("#last").should("have.text", String(truth.last));
    });
  });
});
