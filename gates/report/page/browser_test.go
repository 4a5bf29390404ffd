package page_test

import (
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/gates/report/page/pagetest"
)

// TestPageInTheBrowser looks at a page with every sort of block, and works with it by mouse and by keyboard.
func TestPageInTheBrowser(t *testing.T) {
	pagetest.Browse(t, written(t, sample()), pagetest.Visit{Name: "sample", Script: `
		const chart = page.locator(".chart").first(), plot = chart.locator(".plot");
		await plot.scrollIntoViewIfNeeded();
		const box = await plot.boundingBox();
		const label = () => chart.locator(".reading").textContent();
		const whole = await label();

		// The pointer tells the readings of all lines.
		await page.mouse.move(box.x + box.width * 0.6, box.y + 120);
		const tip = await page.locator("#tip").innerText();
		check(/UTC/.test(tip) && /RSS\s+\d/.test(tip) && /Heap in use\s+\d/.test(tip) && /Heap goal\s+130 MB/.test(tip), "the reading at the pointer is " + tip);
		await shot("hover");

		// Dragging zooms, a double click shows all again.
		await page.mouse.move(box.x + box.width * 0.5, box.y + 100);
		await page.mouse.down();
		await page.mouse.move(box.x + box.width * 0.7, box.y + 120, { steps: 4 });
		await page.mouse.up();
		await page.mouse.move(5, 5);
		check(await label() !== whole, "dragging did not zoom: " + await label());
		await shot("zoomed");
		await plot.dblclick({ position: { x: box.width / 2, y: 120 } });
		await page.mouse.move(5, 5);
		check(await label() === whole, "a double click shows " + await label() + ", not all: " + whole);

		// A finger reads as well, and the reading stays when it is lifted.
		if (view.width < 600) {
			await page.touchscreen.tap(box.x + box.width * 0.6, box.y + 120);
			check(/RSS\s+\d/.test(await page.locator("#tip").innerText()), "a finger reads nothing");
			await shot("tapped");
			await page.touchscreen.tap(100, 10);
			check(!await page.locator("#tip").isVisible(), "the reading stays when a finger points elsewhere");
		}

		// The keyboard reads, zooms and resets.
		await plot.focus();
		await page.keyboard.press("Home");
		check((await label()).startsWith("2026-11-21 23:40:00 UTC: RSS 78.0 MB, Heap in use 40.0 MB, Heap goal 130 MB"), "Home reads " + await label());
		await page.keyboard.press("ArrowRight");
		check((await label()).startsWith("2026-11-21 23:40:02 UTC: RSS "), "an arrow reads " + await label());
		await page.keyboard.press("End");
		check((await label()).startsWith("2026-11-21 23:59:58 UTC"), "End reads " + await label());
		await page.keyboard.press("Escape");
		for (const key of ["+", "+", "+"]) await page.keyboard.press(key);
		const near = await label();
		check(near !== whole, "the plus key did not zoom");
		await page.keyboard.press("Shift+ArrowRight");
		check(await label() !== near, "Shift and an arrow did not pan: " + near);
		await page.keyboard.press("0");
		check(await label() === whole, "0 shows " + await label());

		// The wheel zooms a chart that was clicked.
		await plot.click({ position: { x: box.width / 2, y: 100 } });
		await page.mouse.wheel(0, -300);
		await page.waitForFunction((before) => document.querySelector(".chart .controls button:last-child").disabled === false, whole);
		await chart.getByRole("button", { name: "Reset" }).click();
		await page.mouse.move(5, 5);
		check(await label() === whole, "the button shows " + await label());

		// The legend hides a line.
		const before = await plot.locator("path.line").count();
		await chart.locator(".legend button").first().click();
		check(await plot.locator("path.line").count() === before - 1, "the legend hides no line");
		await chart.locator(".legend button").first().press("Enter");
		check(await plot.locator("path.line").count() === before, "the legend does not bring a line back by keyboard");

		// Sorting: the largest first, then the smallest, then as it was; what is missing is last.
		const table = page.locator(".table").first(), column = () => table.evaluate((t) => [...t.querySelector("tbody").rows].filter((r) => r.className !== "more").map((r) => r.cells[2].dataset.value ?? ""));
		const names = () => table.evaluate((t) => [...t.querySelector("tbody").rows].filter((r) => r.className !== "more").map((r) => r.cells[0].textContent).join());
		const unsorted = await names(), head = table.locator("thead th").nth(2);
		await head.getByRole("button").click();
		let values = await column();
		const numbers = (list) => list.filter((v) => v !== "").map(Number);
		const sorted = (list, sign) => numbers(list).every((v, i, all) => i === 0 || sign * (v - all[i - 1]) >= 0) && !list.slice(numbers(list).length).some((v) => v !== "");
		check(sorted(values, -1) && values.includes(""), "sorted down: " + values);
		check(await head.getAttribute("aria-sort") === "descending", "aria-sort is " + await head.getAttribute("aria-sort"));
		await head.getByRole("button").press("Enter");
		values = await column();
		check(sorted(values, 1) && await head.getAttribute("aria-sort") === "ascending", "sorted up by keyboard: " + values);
		await shot("sorted");
		await head.getByRole("button").press("Space");
		check(await names() === unsorted, "the third time is not the order of the page");

		// A row opens its details, and a filter leaves rows.
		const more = table.getByRole("button", { name: "Details of" }).first();
		await more.scrollIntoViewIfNeeded();
		await more.press("Enter");
		check(await table.getByText("main.load server.go:88").first().isVisible(), "the details do not open");
		await shot("details");
		await table.getByRole("searchbox").fill("failed");
		const left = await table.evaluate((t) => [...t.querySelector("tbody").rows].filter((r) => !r.hidden && !r.classList.contains("more")).length);
		check(left === 2 && (await table.getByRole("status").textContent()).startsWith("2 of 28"), "the filter leaves " + left + " rows");

		// Paper: the details of all rows that are shown, and no buttons.
		await table.getByRole("searchbox").fill("");
		const unseen = () => page.evaluate(() => [...document.querySelectorAll("tr.more")].filter((r) => !r.previousElementSibling.hidden && !r.querySelector(".detail").getClientRects().length).length);
		check(await unseen() > 0, "all details are open before printing: nothing is tested");
		await page.emulateMedia({ media: "print" });
		await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
		check(await unseen() === 0, await unseen() + " details are not printed");
		check(!await more.isVisible(), "the button of a row is printed");
		await shot("printed");
		await page.evaluate(() => dispatchEvent(new Event("afterprint")));
		await page.emulateMedia({ media: null });
		check(await unseen() > 0, "details stay open after printing");

		// Frames: search tells the share, Enter zooms, Escape goes back.
		const flame = page.locator(".flame").first(), frames = flame.getByRole("treeitem");
		await flame.scrollIntoViewIfNeeded();
		await flame.getByRole("searchbox").fill("goproc");
		const found = await flame.getByRole("status").textContent();
		check(/^[\d.]+ MB, \d+% match in \d+ frames$/.test(found), "the search tells: " + found);
		await shot("search");
		await flame.getByRole("searchbox").fill("");
		const all = await frames.count();
		await frames.first().focus();
		await page.keyboard.press("ArrowDown");
		await page.keyboard.press("ArrowDown");
		await page.keyboard.press("Enter");
		check(await frames.count() !== all && await flame.locator(".crumbs li").count() === 3, "Enter does not zoom: " + await flame.locator(".crumbs").textContent());
		await shot("flame");
		await page.keyboard.press("ArrowUp");
		check((await page.evaluate(() => document.activeElement.getAttribute("aria-level"))) === "2", "the arrow does not go to the caller");
		await page.keyboard.press("0");
		check(await frames.count() === all, "0 does not show all frames");
		await frames.nth(2).hover();
		check(/MB.*of the whole/.test(await page.locator("#tip").innerText()), "the frame under the pointer tells: " + await page.locator("#tip").innerText());
		await frames.nth(1).click();
		check(await flame.locator(".crumbs li").count() === 2, "a click does not zoom");
		await flame.locator(".crumbs button").first().click();
		check(await frames.count() === all, "the path does not lead back");
		await page.mouse.move(2, 2);

		// The other colours.
		const dark = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
		const colour = await dark();
		await page.getByRole("button", { name: "colours" }).click();
		check(await dark() !== colour, "the button does not change the colours");
		await page.getByRole("button", { name: "colours" }).click();
		check(await dark() === colour, "the button does not change the colours back");
	`})
}

// TestPageWithoutScripts takes pictures of what is left.
func TestPageWithoutScripts(t *testing.T) {
	pagetest.Browse(t, written(t, sample()), pagetest.Visit{Name: "sample", Views: []pagetest.View{
		{Width: 1280, Height: 900, Scheme: "light", Plain: true}, {Width: 390, Height: 844, Scheme: "dark", Plain: true}}})
}

// TestLargePagesOpen opens what is largest: thousands of rows, a day of readings, a deep flame graph.
func TestLargePagesOpen(t *testing.T) {
	views := []pagetest.View{{Width: 1280, Height: 900, Scheme: "light"}, {Width: 390, Height: 844, Scheme: "dark"}}
	pagetest.Browse(t, written(t, manyScenarios(10_000)), pagetest.Visit{Name: "rows", Views: views, Inaccessible: true, Script: `
		const rows = () => page.evaluate(() => [...document.querySelector("tbody").rows].filter((r) => !r.hidden && r.className !== "more").length);
		check(await rows() === 500, "at first there are " + await rows() + " rows");
		check(took < 20000, "it took " + took + " ms to open");
		await page.getByRole("searchbox").fill("scenario-1999");
		check(await rows() === 1, "the filter leaves " + await rows() + " rows");
		await page.getByRole("searchbox").fill("");
		await page.locator("thead button").nth(2).click();
		await page.getByRole("button", { name: "Show all" }).click();
		check(await rows() > 1900, "all rows are " + await rows());
	`})
	pagetest.Browse(t, written(t, recordingOfADay()), pagetest.Visit{Name: "day", Views: views, Inaccessible: true, Script: `
		await page.locator(".plot").focus();
		for (let i = 0; i < 12; i++) await page.keyboard.press("+");
		await page.keyboard.press("Home");
		check((await page.locator(".reading").textContent()).startsWith("2026-11-21 23:40:00 UTC"), "Home reads " + await page.locator(".reading").textContent());
		await shot("zoomed");
	`})
}

// TestHostilePageInTheBrowser sees whether anything of a stranger's text acts.
func TestHostilePageInTheBrowser(t *testing.T) {
	all := strings.Join(hostile(), " ")
	pagetest.Browse(t, written(t, everywhere("x"+all)), pagetest.Visit{Name: "hostile", Views: pagetest.Views()[1:3], Script: `
		check(await page.locator("img, iframe, object, embed, form, base, body script:not([type]):not(:last-of-type)").count() === 0, "there is an element that is not ours");
		check((await page.title()).startsWith("x </script><script>alert(1)"), "the title is " + await page.title());
	`})
}
