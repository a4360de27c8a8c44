import { celeriac } from "../../../lib/tasks.ts";

export { celeriac as DELETE, celeriac as GET, celeriac as POST, celeriac as PUT };
