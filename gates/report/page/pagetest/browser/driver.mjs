// Opens a page in Chromium as a job on standard input says, and prints what is wrong with it as JSON.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

const job = JSON.parse(readFileSync(0, "utf8"));
const axe = readFileSync(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const browser = await chromium.launch({ executablePath: job.chromium, args: ["--no-sandbox", "--disable-gpu", "--force-color-profile=srgb"] });
const problems = [];

for (const view of job.views) {
  const where = `${view.width}x${view.height} ${view.scheme}`;
  const say = (text) => problems.push(`${where}: ${text}`);
  const context = await browser.newContext({ viewport: { width: view.width, height: view.height }, colorScheme: view.scheme, javaScriptEnabled: !view.plain, reducedMotion: "reduce", hasTouch: view.width < 600 });
  const page = await context.newPage();
  page.setDefaultTimeout(30000);
  page.on("console", (m) => { if (m.type() === "error" || m.type() === "warning") say(`console: ${m.text()}`); });
  page.on("pageerror", (e) => say(`error: ${e.stack}`));
  page.on("request", (r) => { if (r.url() !== job.url && !r.url().startsWith("data:")) say(`request: ${r.url()}`); });
  page.on("dialog", (d) => { say(`dialog: ${d.message()}`); d.dismiss(); });
  try {
    const began = Date.now();
    await page.goto(job.url + (job.hash || ""));
    if (!view.plain) await page.waitForFunction(() => document.documentElement.dataset.ready === "1");
    const took = Date.now() - began;
    const shot = (name) => page.screenshot({ path: join(job.shots, `${job.name}-${view.width}-${view.scheme}${view.plain ? "-plain" : ""}${name ? "-" + name : ""}.png`), fullPage: !name });
    if (!view.plain) {
      // Blocks start when they come into sight: walk through the page once.
      const height = await page.evaluate(() => document.documentElement.scrollHeight);
      for (let y = 0; y < Math.min(height, 40000); y += view.height) await page.evaluate((to) => new Promise((done) => { scrollTo(0, to); requestAnimationFrame(() => requestAnimationFrame(done)); }), y);
      await page.evaluate(() => scrollTo(0, 0));
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    }
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (wide > 0) say(`the page scrolls sideways by ${wide} pixels`);
    await shot("");
    if (job.script && !view.plain) {
      const check = (is, text) => { if (!is) say(text); };
      const run = new (Object.getPrototypeOf(async () => {}).constructor)("page", "check", "shot", "view", "took", job.script);
      await run(page, check, shot, view, took);
    }
    if (job.accessible && !view.plain) {
      for (const open of [false, true]) {
        if (open) await page.evaluate(() => { for (const d of document.querySelectorAll("details")) d.open = true; });
        await page.evaluate(axe);
        const result = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
        for (const v of result.violations) {
          if (v.impact !== "serious" && v.impact !== "critical" && !job.strict) continue;
          say(`accessibility: ${v.impact}: ${v.help} (${v.id}): ${v.nodes.slice(0, 3).map((n) => n.target.join(" ") + ": " + n.failureSummary.replace(/\s+/g, " ")).join("; ")}`);
        }
      }
      const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (sideways > 0) say(`with everything open the page scrolls sideways by ${sideways} pixels`);
    }
  } catch (e) {
    say(`the script stopped: ${e.stack}`);
  }
  await context.close();
}
await browser.close();
console.log(JSON.stringify(problems));
