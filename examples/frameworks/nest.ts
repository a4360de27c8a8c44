/** Nest, on Express. Node's type stripping does not take decorators, so it is compiled: `tsc -p tsconfig.nest.json && node dist/nest.js`. */

import { BadRequestException, Body, Controller, HttpCode, Module, Post, Res } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import type { BackgroundTasks } from "celeriac/nest";
import { Background, CeleriacModule } from "celeriac/nest";
import type { Response } from "express";
import { app } from "./app.ts";
import { readOrder, takeOrder, type Taken } from "./orders.ts";
import { announce, durable, history, port, viewerOf } from "./settings.ts";

@Controller("orders")
class OrderController {
  @Post()
  @HttpCode(202)
  async create(
    @Body() body: unknown,
    @Background() background: BackgroundTasks,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Taken> {
    const order = readOrder(body);
    if (order === undefined) throw new BadRequestException({ error: "NO_ORDER" });
    const taken = await takeOrder(order, background);
    response.location(`/tasks/${taken.id}`);
    return taken;
  }
}

@Module({
  imports: [
    CeleriacModule.forRoot({
      app,
      at: "/tasks",
      durable,
      dashboard: {
        prefix: "/celeriac",
        history,
        authorize: (request) => viewerOf(request.get("authorization")),
      },
      closeApp: true,
    }),
  ],
  controllers: [OrderController],
})
class AppModule {}

const server = await NestFactory.create(AppModule, { logger: ["error", "warn"] });
server.enableShutdownHooks();
await server.listen(port, "127.0.0.1");
announce(await server.getUrl());
