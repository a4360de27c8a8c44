import { pieces } from "../../../lib/tasks.ts";

export const { GET } = pieces.handlers;
