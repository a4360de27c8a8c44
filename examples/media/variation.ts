/** What can be made of a photograph: widths, crops, formats. The API offers them, the task makes them, the verifier checks against them. */

export const widths = [96, 160, 320, 480] as const;
export const crops = ["wide", "square", "tall"] as const;
export const formats = ["jpeg", "png", "webp", "avif"] as const;

export type Crop = (typeof crops)[number];
export type Format = (typeof formats)[number];

export interface Variation {
  readonly width: number;
  readonly crop: Crop;
  readonly format: Format;
}

/** Every width, crop and format: 48 a photograph. */
export const everyVariation: readonly Variation[] = crops.flatMap((crop) =>
  formats.flatMap((format) => widths.map((width) => ({ width, crop, format }))),
);

/** Twelve, for a picture that somebody uploads by hand. */
export const gallery: readonly Variation[] = everyVariation.filter(({ width }) => width === 320);

const heightPerWidth: Readonly<Record<Crop, number>> = { wide: 2 / 3, square: 1, tall: 3 / 2 };

export function heightOf({ width, crop }: Variation): number {
  return Math.round(width * heightPerWidth[crop]);
}

/** The name of the finished file. The same call has the same name, so a second run of a task replaces what the first one left. */
export function fileNameOf(image: string, { width, crop, format }: Variation): string {
  return `${image.replace(/\.\w+$/, "")}-${crop}-${width}.${format}`;
}
