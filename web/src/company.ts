/** Who comes, goes and asks for control, from one list of people to the next: nobody watches unseen. */

import type { Clock } from "./clock.ts";
import type { Person } from "./protocol.ts";

/** Who has gone and comes back within this time, in ms, has only connected anew. */
const GRACE = 5000;

export type Event = "joined" | "left" | "asked";

export class Company {
  private people: Person[] = [];
  private going: { person: Person; cancel: () => void }[] = [];

  constructor(
    private readonly clock: Clock,
    private readonly tell: (event: Event, person: Person) => void,
  ) {}

  /** These are here now. */
  say(people: Person[]): void {
    const before = this.people;
    this.people = people;
    for (const old of before) if (!old.you && !find(people, old.id)) this.leaves(old);
    for (const person of people) {
      if (person.you) continue;
      const old = find(before, person.id);
      if (!old && !this.returns(person)) this.tell("joined", person);
      if (person.asked > (old?.asked ?? 0)) this.tell("asked", person);
    }
  }

  private leaves(person: Person): void {
    const cancel = this.clock.after(GRACE, () => {
      this.going = this.going.filter((gone) => gone.person !== person);
      this.tell("left", person);
    });
    this.going.push({ person, cancel });
  }

  /** Whether it is somebody who has just gone. */
  private returns(person: Person): boolean {
    const at = this.going.findIndex((gone) => sameGuest(gone.person, person));
    const [gone] = at < 0 ? [] : this.going.splice(at, 1);
    gone?.cancel();
    return gone !== undefined;
  }
}

function find(people: Person[], id: string): Person | undefined {
  return people.find((person) => person.id === id);
}

/** Whether two viewers may be one and the same person's: they came in the same way. */
function sameGuest(a: Person, b: Person): boolean {
  const own = ({ role, lent }: Person) => (lent ? "viewer" : role);
  return a.name === b.name && own(a) === own(b);
}
