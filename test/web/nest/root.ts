/** A small Nest application: a service, a class that handles tasks with it, and a module. Decorators are called, as compiled code calls them. */

import { Inject, Injectable, Module } from "@nestjs/common";
import type { TaskContext } from "../../../src/index.ts";
import { CeleriacModule, InjectTask, TaskHandler, type TaskOf } from "../../../src/nest/index.ts";
import { app } from "./app.ts";

export class Prices {
  of(order: number): number {
    return order * 3;
  }
}
Injectable()(Prices);

export class Orders {
  readonly #prices: Prices;

  constructor(prices: Prices) {
    this.#prices = prices;
  }

  async price({ order }: { order: number }, context: TaskContext): Promise<{ price: number; pid: number; id: string }> {
    return { price: this.#prices.of(order), pid: process.pid, id: context.id };
  }
}
Injectable()(Orders);
Inject(Prices)(Orders, undefined, 0);
TaskHandler("order.price", { retry: { limit: 2 } })(Orders.prototype, "price");

export class Shop {
  readonly price: TaskOf<Orders, "price">;

  constructor(price: TaskOf<Orders, "price">) {
    this.price = price;
  }
}
Injectable()(Shop);
InjectTask(Orders, "price")(Shop, undefined, 0);

export class PriceModule {}
Module({ providers: [Prices], exports: [Prices] })(PriceModule);

export const orderTasks = CeleriacModule.forFeature([Orders], [PriceModule]);

export class Root {}
Module({ imports: [CeleriacModule.forRoot({ app }), orderTasks], providers: [Shop] })(Root);
