import {expect, test} from "@playwright/test";

const server = process.env.FEED_URL ?? "http://127.0.0.1:8765";
const app = process.env.APP_URL ?? "http://127.0.0.1:3000/"; // the page that you test
let feed, socket;

test.beforeEach(async ({request}, {title}) => {
  const market = title.replaceAll(/[^\w.-]+/g, "-");
  socket = `${server.replace("http", "ws")}/?market=${market}&client=page`;
  feed = async (method, path = "") => {
    const answer = await request.fetch(`${server}/markets/${market}${path}`, {method});
    expect(answer.ok(), await answer.text()).toBe(true);
    return answer.json();
  };
  await feed("POST", "?scenario=flash-crash&at=00:02:00&paused=true");
});

test.afterEach(() => feed("DELETE"));

test("comes back after a reset", async ({page}) => {
  await page.goto(`${app}?socket=${encodeURIComponent(socket)}`);
  await expect(page.locator("#state")).toHaveText("online");
  await feed("POST", "/run_until?price=64500&symbol=BTC/USD");
  await feed("POST", "/fault?kind=reset");
  const truth = await feed("GET", "/state?channel=trading&symbol=BTC/USD");
  await expect(page.locator("#connection")).toHaveText("2");
  await expect(page.locator("#last")).toHaveText(String(truth.last));
});
