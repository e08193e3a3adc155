// Hides the editions in which not every word occurs. Without it the page is whole, and the browser's own search finds all.
"use strict";
const form = document.querySelector(".search");
const input = form.querySelector("input");
const none = document.querySelector("#none");
const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
const items = [...document.querySelectorAll("[data-text]")].map((item) => [item, fold(item.dataset.text)]);
const sections = [...document.querySelectorAll("main section:has([data-text])")];
const look = () => {
  const words = fold(input.value).split(/\s+/).filter(Boolean);
  for (const [item, text] of items) item.hidden = !words.every((word) => text.includes(word));
  for (const section of sections) section.hidden = !section.querySelector("[data-text]:not([hidden])");
  none.hidden = items.some(([item]) => !item.hidden);
};
form.hidden = false;
form.addEventListener("submit", (event) => event.preventDefault());
input.addEventListener("input", look);
look();
