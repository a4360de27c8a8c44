/**
 * A network of one hidden layer, trained by stochastic gradient descent with momentum: 784 points, `hidden` units with a rectifier, ten classes by
 * softmax. All its state lies in two arrays, which are what a checkpoint keeps, and it is the same to the bit wherever it goes on.
 */

import { classes, type Digits, points } from "./digits.ts";
import { randomFrom } from "./random.ts";

/** Samples after which the weights move. */
const batch = 32;
const momentum = 0.9;

export class Network {
  readonly hidden: number;
  /** Weights into the hidden layer, its biases, weights out of it, its biases. */
  readonly weights: Float32Array;
  readonly #velocity: Float32Array;
  readonly #gradient: Float32Array;
  readonly #activation: Float32Array;
  readonly #delta: Float32Array;
  readonly #scores = new Float32Array(classes);

  constructor(hidden: number, seed: number) {
    this.hidden = hidden;
    const size = points * hidden + hidden + hidden * classes + classes;
    this.weights = new Float32Array(size);
    this.#velocity = new Float32Array(size);
    this.#gradient = new Float32Array(size);
    this.#activation = new Float32Array(hidden);
    this.#delta = new Float32Array(hidden);
    const random = randomFrom(seed);
    const [, biases, out] = this.#layout();
    for (let n = 0; n < biases; n++) this.weights[n] = (random() * 2 - 1) * Math.sqrt(6 / points) * 0.5;
    for (let n = out; n < out + hidden * classes; n++)
      this.weights[n] = (random() * 2 - 1) * Math.sqrt(6 / hidden) * 0.5;
  }

  /** Everything, to be written to a file. */
  save(): Buffer {
    return Buffer.concat([this.weights, this.#velocity].map((part) => Buffer.from(part.buffer)));
  }

  /** Throws if the file is of another network. */
  load(file: Buffer): void {
    if (file.length !== this.weights.byteLength * 2)
      throw new Error(
        `a network with ${String(this.hidden)} hidden units does not fit into ${String(file.length)} bytes`,
      );
    const numbers = new Float32Array(Uint8Array.from(file).buffer);
    this.weights.set(numbers.subarray(0, this.weights.length));
    this.#velocity.set(numbers.subarray(this.weights.length));
  }

  /** Trains on the samples with these numbers; answers their mean loss before the weights moved. */
  learn(digits: Digits, order: Uint32Array, rate: number): number {
    let loss = 0;
    for (let from = 0; from < order.length; from += batch) {
      const numbers = order.subarray(from, from + batch);
      this.#gradient.fill(0);
      for (const number of numbers) loss += this.#backward(digits, number);
      const step = rate / numbers.length;
      for (let n = 0; n < this.weights.length; n++) {
        this.#velocity[n] = momentum * this.#velocity[n]! - step * this.#gradient[n]!;
        this.weights[n] = this.weights[n]! + this.#velocity[n]!;
      }
    }
    return loss / order.length;
  }

  /** The share of samples that it names right. */
  accuracy(digits: Digits): number {
    let right = 0;
    for (let number = 0; number < digits.labels.length; number++) {
      this.#forward(digits, number);
      if (this.#scores.indexOf(Math.max(...this.#scores)) === digits.labels[number]) right++;
    }
    return right / digits.labels.length;
  }

  /** Where the weights into the hidden layer, its biases, the weights out of it and their biases begin. */
  #layout(): readonly [number, number, number, number] {
    const biases = points * this.hidden;
    const out = biases + this.hidden;
    return [0, biases, out, out + this.hidden * classes];
  }

  /** Leaves the probabilities in `#scores`. Most points of a picture are empty, and cost nothing. */
  #forward({ pictures }: Digits, number: number): void {
    const { weights, hidden } = this;
    const [, biases, out, outBiases] = this.#layout();
    const activation = this.#activation;
    for (let unit = 0; unit < hidden; unit++) activation[unit] = weights[biases + unit]!;
    for (let point = 0; point < points; point++) {
      const ink = pictures[number * points + point]!;
      if (ink === 0) continue;
      const row = point * hidden;
      for (let unit = 0; unit < hidden; unit++) activation[unit] = activation[unit]! + ink * weights[row + unit]!;
    }
    for (let unit = 0; unit < hidden; unit++) if (activation[unit]! < 0) activation[unit] = 0;
    let most = -Infinity;
    for (let each = 0; each < classes; each++) {
      let score = weights[outBiases + each]!;
      for (let unit = 0; unit < hidden; unit++) score += activation[unit]! * weights[out + unit * classes + each]!;
      this.#scores[each] = score;
      most = Math.max(most, score);
    }
    let sum = 0;
    for (let each = 0; each < classes; each++) sum += this.#scores[each] = Math.exp(this.#scores[each]! - most);
    for (let each = 0; each < classes; each++) this.#scores[each] = this.#scores[each]! / sum;
  }

  /** Adds to the gradient; answers the loss. */
  #backward(digits: Digits, number: number): number {
    this.#forward(digits, number);
    const { weights, hidden } = this;
    const [, biases, out, outBiases] = this.#layout();
    const gradient = this.#gradient;
    const label = digits.labels[number] ?? 0;
    const loss = -Math.log(Math.max(1e-12, this.#scores[label]!));
    this.#scores[label] = this.#scores[label]! - 1;
    for (let each = 0; each < classes; each++)
      gradient[outBiases + each] = gradient[outBiases + each]! + this.#scores[each]!;
    for (let unit = 0; unit < hidden; unit++) {
      let delta = 0;
      const active = this.#activation[unit]!;
      for (let each = 0; each < classes; each++) {
        const at = out + unit * classes + each;
        gradient[at] = gradient[at]! + active * this.#scores[each]!;
        delta += weights[at]! * this.#scores[each]!;
      }
      this.#delta[unit] = active > 0 ? delta : 0;
      gradient[biases + unit] = gradient[biases + unit]! + this.#delta[unit]!;
    }
    for (let point = 0; point < points; point++) {
      const ink = digits.pictures[number * points + point]!;
      if (ink === 0) continue;
      const row = point * hidden;
      for (let unit = 0; unit < hidden; unit++) gradient[row + unit] = gradient[row + unit]! + ink * this.#delta[unit]!;
    }
    return loss;
  }
}
