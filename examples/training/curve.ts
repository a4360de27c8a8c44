/** The learning curve as a picture: loss on what is trained on, accuracy on what is not, by epoch. Plain SVG, readable on light and dark ground. */

export interface Epoch {
  readonly epoch: number;
  readonly loss: number;
  /** On the test set, from 0 to 1. */
  readonly accuracy: number;
}

const [width, height, margin] = [640, 360, 56];
const [left, right, top, bottom] = [margin, width - margin, 48, height - margin];

export function drawCurve(epochs: readonly Epoch[], total: number): string {
  const mostLoss = Math.max(0.1, ...epochs.map(({ loss }) => loss));
  const leastAccuracy = Math.min(0.9, ...epochs.map(({ accuracy }) => Math.floor(accuracy * 20) / 20));
  const x = (epoch: number): number => left + ((right - left) * (epoch - 1)) / Math.max(1, total - 1);
  const y = (share: number): number => bottom - (bottom - top) * share;
  const line = (share: (epoch: Epoch) => number): string =>
    epochs.map((each) => `${x(each.epoch).toFixed(1)},${y(share(each)).toFixed(1)}`).join(" ");
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const accuracy = leastAccuracy + (1 - leastAccuracy) * share;
    return `<path class="grid" d="M${left} ${y(share)}H${right}"/>
<text class="loss" x="${left - 8}" y="${y(share) + 4}" text-anchor="end">${(mostLoss * share).toFixed(2)}</text>
<text class="accuracy" x="${right + 8}" y="${y(share) + 4}">${(accuracy * 100).toFixed(0)} %</text>`;
  });
  const names = Array.from({ length: total }, (_, n) => n + 1).map(
    (epoch) => `<text x="${x(epoch)}" y="${bottom + 20}" text-anchor="middle">${String(epoch)}</text>`,
  );
  const last = epochs.at(-1);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="Learning curve">
<style>text{font:12px system-ui,sans-serif;fill:#666}.grid{stroke:#8884;fill:none}polyline{fill:none;stroke-width:2.5;stroke-linejoin:round}
.loss{fill:#b4512f}.accuracy{fill:#2f7d5c}polyline.loss{fill:none;stroke:#b4512f}polyline.accuracy{fill:none;stroke:#2f7d5c}</style>
<rect width="${width}" height="${height}" rx="12" fill="#fcfbf7"/>
<text x="${left}" y="26"><tspan class="loss">loss, training</tspan>  <tspan class="accuracy">accuracy, test${last === undefined ? "" : `: ${(last.accuracy * 100).toFixed(1)} %`}</tspan></text>
${ticks.join("\n")}
${names.join("\n")}
<text x="${(left + right) / 2}" y="${height - 12}" text-anchor="middle">epoch</text>
<polyline class="loss" points="${line(({ loss }) => loss / mostLoss)}"/>
<polyline class="accuracy" points="${line(({ accuracy }) => (accuracy - leastAccuracy) / (1 - leastAccuracy))}"/>
</svg>
`;
}
