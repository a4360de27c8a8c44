/** Why a group has no list of results: a member failed. */

import { CeleriacError } from "../error/celeriac-error.ts";

/**
 * A member of the group failed or was revoked. `cause` is that member's own error, a TaskFailedError or a TaskRevokedError.
 *
 * @example
 * ```ts
 * import { group, GroupFailedError } from "celeriac";
 * const sent = await app.delay(group(resize.si({ file: "a.jpg", width: 800 }), resize.si({ file: "b.jpg", width: 800 })));
 * try {
 *   await sent.get();
 * } catch (error) {
 *   if (error instanceof GroupFailedError) console.error(`member ${error.index} failed, ${error.failed} in all so far`, error.cause);
 * }
 * ```
 */
export class GroupFailedError extends CeleriacError {
  override readonly name: string = "GroupFailedError";
  /** Of the group. */
  readonly id: string;
  /** Place of the first member that failed. */
  readonly index: number;
  /** Id of the task that failed. */
  readonly task: string;
  /** Tasks of the group that have failed until now. */
  readonly failed: number;
  readonly total: number;

  constructor(
    id: string,
    failure: { readonly member: number; readonly id: string; readonly error: CeleriacError },
    count: { readonly ended: number; readonly failed: number; readonly ids: readonly string[] },
  ) {
    const total = count.ids.length;
    super(
      "GROUP_FAILED",
      `Member ${failure.member} of group ${id} failed. ${failure.error.message} Of ${total} tasks ${count.ended} have ended, ${count.failed} of them failed; settled() gives all ends.`,
      {
        cause: failure.error,
        details: { id, index: failure.member, task: failure.id, failed: count.failed, ended: count.ended, total },
      },
    );
    this.id = id;
    this.index = failure.member;
    this.task = failure.id;
    this.failed = count.failed;
    this.total = total;
  }
}
