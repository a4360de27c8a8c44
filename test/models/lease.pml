/*
 * The lease of one message: a server, its sweep, and workers that may stand still for any length between any two of their steps.
 *
 * Time has no numbers. `old[w]` says that the lease is over by the clock of worker w, `lapsed` that it is over by the server's. A worker counts from
 * before it asked, so its own clock is never the later one. Clocks may run out at any moment while there are claims left (CLAIMS bounds the search, and is
 * the point from which on nothing goes wrong any more). A worker's look at its clock and the beginning of user code are one step here: what a
 * process does between the two is a sequence of instructions that no model shortens.
 *
 * Left out: several messages, the order of a queue, redrives.
 *
 * Seeded faults, each of which has to be noticed:
 *   NO_FENCE_CHECK   the server takes a commit from whoever sends one
 *   FENCE_STAYS      a claim is given the fence of the claim before
 *   NO_EXPIRY_CHECK  a worker begins without a look at its own clock
 *   LATE_CLOCK       a worker counts from when it was answered: the server's clock may be the earlier one
 *   NO_SWEEP         nobody looks for leases that are over
 */
#ifndef WORKERS
#define WORKERS 3
#endif
#ifndef CLAIMS
#define CLAIMS 4
#endif
#define RENEWALS 2
#define NOBODY 255

mtype = { ready, leased, gone };
mtype state = ready;
byte fence = 0;              /* the last one that was given out */
byte holder = NOBODY;
bool lapsed = false;
bool old[WORKERS];
byte commits = 0;
byte committedBy = 0;        /* the fence of the first */
bool byStranger = false;     /* a commit was taken from who did not hold the lease */
bool startedLate = false;    /* user code began though its worker's clock said that the lease was over */
bool startedAfter = false;   /* user code began though the task was committed */

active proctype Time() {
end:
  do
  :: atomic { state == leased && !old[holder] && fence < CLAIMS -> old[holder] = true }
#ifndef LATE_CLOCK
  :: atomic { state == leased && !lapsed && old[holder] -> lapsed = true }
#else
  :: atomic { state == leased && !lapsed && fence < CLAIMS -> lapsed = true }
#endif
  :: state == gone -> break
  od
}

#ifndef NO_SWEEP
active proctype Sweep() {
end:
  do
  :: atomic { state == leased && lapsed -> state = ready; holder = NOBODY; lapsed = false }
  :: state == gone -> break
  od
}
#endif

inline begin() {
  startedLate = startedLate || old[me];
  startedAfter = startedAfter || state == gone;
  begun = true
}

proctype Worker(byte me) {
  byte mine = 0;             /* the fence of what it thinks it holds */
  byte renewed = 0;
  bool begun = false;
end:
  do
  :: atomic {                /* claim: one step on the server */
       state == ready ->
#ifdef FENCE_STAYS
       if
       :: fence == 0 -> fence = 1
       :: else -> skip
       fi;
#else
       fence++;
#endif
       mine = fence; holder = me; state = leased; lapsed = false; old[me] = false; renewed = 0; begun = false
     }
     do
     :: mine == 0 -> break
#ifndef NO_EXPIRY_CHECK
     :: atomic { mine != 0 && !begun && !old[me] -> begin() }
     :: atomic { mine != 0 && !begun && old[me] -> mine = 0 }        /* too late to begin: it lets go */
#else
     :: atomic { mine != 0 && !begun -> begin() }
#endif
     :: atomic {             /* renew: one step on the server */
          mine != 0 && renewed < RENEWALS ->
          renewed++;
          if
          :: state == leased && fence == mine && holder == me && !lapsed -> old[me] = false
          :: else -> mine = 0                                        /* lost: the task is told to stop */
          fi
        }
     :: atomic {             /* commit and settle: one step on the server */
          mine != 0 && begun ->
          if
#ifndef NO_FENCE_CHECK
          :: state == leased && fence == mine ->
#else
          :: true ->
#endif
               byStranger = byStranger || holder != me;
               if
               :: commits == 0 -> committedBy = mine
               :: else -> skip
               fi;
               commits++; state = gone; holder = NOBODY; lapsed = false
#ifndef NO_FENCE_CHECK
          :: else -> skip                                            /* lost: nothing of it happened */
#endif
          fi;
          mine = 0
        }
     :: atomic { mine != 0 && fence < CLAIMS -> mine = 0 }           /* dies over it; a successor takes its place */
     od
  :: state == gone -> break
  od
}

init {
  byte w = 0;
  atomic {
    do
    :: w < WORKERS -> run Worker(w); w++
    :: else -> break
    od
  }
}

ltl once { [] (commits <= 1) }
ltl newest { [] (commits == 0 || (committedBy == fence && !byStranger)) }
ltl timely { [] (!startedLate && !startedAfter) }
ltl ends { <> (state == gone) }
