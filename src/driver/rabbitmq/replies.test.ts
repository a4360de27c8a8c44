/** Answers to who sent a task, when the server was away in between. */

import { expect, test } from "vitest";
import { optionsOf } from "../../../test/server/rabbitmq-backend.ts";
import { useRabbit } from "../../../test/server/rabbitmq-stage.ts";
import { describeWith } from "../../../test/server/required-program.ts";
import type { Message } from "../../wire/message.ts";
import type { AmqpConnection, Connect } from "./amqp/client.ts";
import { connect } from "./amqp/connect.ts";
import { Context } from "./context.ts";
import { Declarations } from "./declarations.ts";
import { readLocation } from "./location.ts";
import { Publisher } from "./publisher.ts";
import { RabbitReplies } from "./replies.ts";

const never = new AbortController().signal;
const messageOf = (replyTo: string | undefined): Message => ({
  contentType: "application/json",
  contentEncoding: "utf-8",
  headers: {},
  properties: { correlationId: "1", ...(replyTo !== undefined && { replyTo }) },
  body: new TextEncoder().encode("{}"),
});

describeWith("rabbitmq-server", "answers by rabbitmq", () => {
  const stage = useRabbit();

  // Calls that were sent right after a restart of the server waited for answers that nobody had heard.
  test("what asks for an answer is sent when the answer can be heard, and not before", async () => {
    const lines = new Map<string, AmqpConnection>();
    let hold: PromiseWithResolvers<void> | undefined;
    const held: Connect = async (server, signal) => {
      const role = server.name.split(" ").at(-1) ?? "";
      if (role === "consumes") await hold?.promise;
      const connection = await connect(server, signal);
      lines.set(role, connection);
      return connection;
    };
    const options = optionsOf(stage.urlOf(stage.rabbit.port));
    const context = new Context(options, readLocation(options.url), held);
    const publisher = new Publisher(context, new Declarations(() => context.sending, context.location));
    try {
      await context.connect(never);
      context.serverIs(3, undefined);
      const replies = new RabbitReplies(context, publisher);
      const address = crypto.randomUUID();
      const answered = Promise.withResolvers<Message>();
      const subscription = await replies.listen(address, (message) => answered.resolve(message));

      hold = Promise.withResolvers<void>();
      for (const line of lines.values()) line.destroy(new Error("the line broke"));
      const queue = `asked.${crypto.randomUUID()}`;
      const parcelOf = (replyTo?: string) => context.packer.pack({ queue, message: messageOf(replyTo) });
      const ended: string[] = [];
      const asking = publisher.send([parcelOf(address)], never).then(() => ended.push("asking"));
      await publisher.send([parcelOf()], never);
      ended.push("telling");
      hold.resolve();
      await asking;
      expect(ended).toEqual(["telling", "asking"]);
      await replies.send([{ to: address, message: messageOf(undefined) }], never);
      expect((await answered.promise).properties.correlationId).toBe("1");
      await subscription.close();
      await publisher.send([parcelOf(address)], never); // waits for nobody who no longer listens
    } finally {
      hold?.resolve();
      await context.close();
    }
  });
});
