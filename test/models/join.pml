/*
 * The join of one chord: members that end, arrive, and may die at any step; whoever is told that the join is full sends the body and closes it; a
 * reconciler does so for who died over that. The body's id is fixed beforehand, so sending it twice is once.
 *
 * An arrival and the end of its message are one step on the server, so no redelivery helps a worker that dies between them and the body. An
 * answer may be lost: then the worker, or the next one, arrives again.
 *
 * Seeded faults, each of which has to be noticed:
 *   COUNT_TWICE    an arrival counts however often it comes
 *   NO_DEDUPE      the body's id is not looked at
 *   NO_RECONCILER  nobody looks after a full join
 *   CLOSE_FIRST    it is closed before the body is sent
 */
#ifndef MEMBERS
#define MEMBERS 3
#endif
/* Of answers and of workers. The reconciler dies as well, once. */
#define LOSSES 2

byte losses = 0;
bool seen[MEMBERS];
byte ended = 0;              /* members whose message is acknowledged: each of them has arrived */
byte arrived = 0;
bool closed = false;
byte bodies = 0;             /* in effect: after dedupe */
bool early = false;          /* the body went before all members had ended */

inline sendBody() {
  atomic {
    early = early || ended < MEMBERS;
#ifndef NO_DEDUPE
    bodies = 1
#else
    bodies++
#endif
  }
}
inline finish() {
#ifndef CLOSE_FIRST
  sendBody();
  if
  :: atomic { losses < LOSSES -> losses++; goto died }
  :: closed = true
  fi
#else
  closed = true;
  if
  :: atomic { losses < LOSSES -> losses++; goto died }
  :: sendBody()
  fi
#endif
}

proctype Member(byte me) {
  bool told = false;          /* that all have arrived and nobody has closed it */
arrive:
  atomic {
    if
    :: !seen[me] -> ended++
    :: else -> skip
    fi;
    if
#ifndef COUNT_TWICE
    :: !seen[me] -> arrived++
#else
    :: arrived < MEMBERS -> arrived++
#endif
    :: else -> skip
    fi;
    seen[me] = true;
    told = arrived >= MEMBERS && !closed
  }
  if
  :: atomic { losses < LOSSES -> losses++; goto arrive }     /* the answer is lost: it arrives again */
  :: atomic { losses < LOSSES -> losses++; goto died }       /* dies with the answer in its hands */
  :: told -> finish()
  :: !told -> skip
  fi;
died:
  skip
}

#ifndef NO_RECONCILER
active proctype Reconciler() {
died:
end:
  do
  :: atomic { arrived >= MEMBERS && !closed -> skip }; finish()
  :: closed -> break
  od
}
#endif

init {
  byte m = 0;
  atomic {
    do
    :: m < MEMBERS -> run Member(m); m++
    :: else -> break
    od
  }
}

ltl once { [] (bodies <= 1) }
ltl complete { [] (!early) }
ltl ends { <> (bodies >= 1) }
