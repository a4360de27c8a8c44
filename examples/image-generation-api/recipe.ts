/** What a prompt means to the generator. There is no model here that understands words: they choose a pattern, colours and a seed, always the same ones. */

import { createHash } from "node:crypto";

export interface Recipe {
  /** How fast one substance is fed and the other dies away: it decides between spots, stripes, mazes and corals. */
  readonly feed: number;
  readonly kill: number;
  /** Colours from empty to full, red, green and blue from 0 to 255. */
  readonly colours: readonly (readonly [number, number, number])[];
  readonly seed: number;
}

/** Known good places in the space of feed and kill; elsewhere the picture dies. */
const patterns: readonly { readonly words: RegExp; readonly feed: number; readonly kill: number }[] = [
  { words: /coral|reef|brain/, feed: 0.0545, kill: 0.062 },
  { words: /maze|labyrinth|city|street/, feed: 0.029, kill: 0.057 },
  { words: /cell|bacteria|leopard|spot|bubble|moss/, feed: 0.0367, kill: 0.0649 },
  { words: /worm|zebra|finger|river|stripe/, feed: 0.046, kill: 0.063 },
  { words: /hole|lace|net|sponge/, feed: 0.039, kill: 0.058 },
];
const palettes: readonly { readonly words: RegExp; readonly colours: Recipe["colours"] }[] = [
  {
    words: /night|space|sea|water|blue|ice/,
    colours: [
      [8, 14, 38],
      [24, 74, 128],
      [92, 186, 214],
      [240, 250, 246],
    ],
  },
  {
    words: /fire|lava|sun|red|autumn/,
    colours: [
      [30, 6, 20],
      [142, 24, 42],
      [238, 112, 44],
      [255, 236, 170],
    ],
  },
  {
    words: /forest|moss|green|jungle|spring/,
    colours: [
      [12, 28, 20],
      [38, 94, 58],
      [140, 182, 84],
      [244, 246, 214],
    ],
  },
  {
    words: /rose|flower|pink|dream|candy/,
    colours: [
      [44, 18, 56],
      [138, 52, 120],
      [236, 128, 150],
      [255, 232, 216],
    ],
  },
];

/** The same prompt and seed give the same recipe, so a task that runs twice makes the same picture twice. */
export function recipeOf(prompt: string, seed: number): Recipe {
  const words = prompt.toLowerCase();
  const hash = createHash("sha256")
    .update(`${words}\n${String(seed)}`)
    .digest();
  const pattern = patterns.find((each) => each.words.test(words)) ?? patterns[hash.readUInt8(4) % patterns.length];
  const palette = palettes.find((each) => each.words.test(words)) ?? palettes[hash.readUInt8(5) % palettes.length];
  if (pattern === undefined || palette === undefined) throw new Error("there are no patterns");
  return { feed: pattern.feed, kill: pattern.kill, colours: palette.colours, seed: hash.readUInt32BE(0) };
}
