import { readOrder, takeOrder } from "../../../orders.ts";
import { pieces } from "../../lib/tasks.ts";

export const POST = pieces.route(async (request, background) => {
  const order = readOrder(await request.json());
  if (order === undefined) return Response.json({ error: "NO_ORDER" }, { status: 400 });
  const taken = await takeOrder(order, background);
  return Response.json(taken, { status: 202, headers: { location: `/tasks/${taken.id}` } });
});
