/** Who is here and who has control, as the page knows it, and what the person does about it. */

import type { Clock } from "./clock.ts";
import { Company, type Event } from "./company.ts";
import type { ClientMessage, Control, Feature, People, Person, Refusal, Shared, ShareRole } from "./protocol.ts";

export interface AccessActions {
  send(message: ClientMessage): boolean;
  may(feature: Feature): boolean;
  /** Why a feature may not be used that the person's role could use. */
  refusal(feature: Feature): Refusal | undefined;
  /** Who is here, or who has control, is not as it was. */
  changed(): void;
  /** Somebody comes, goes or asks for control. */
  met(event: Event, person: Person): void;
  /** The link that the person has asked for. */
  made(link: Shared): void;
}

export class Access {
  people: People = { people: [], shares: [] };
  /** Who controls the desktop; null while that is not known. */
  control: Control | null = null;
  private readonly company: Company;

  constructor(
    clock: Clock,
    private readonly actions: AccessActions,
  ) {
    this.company = new Company(clock, actions.met);
  }

  /** Control has been given to who leads, and is nobody else's until it is taken. */
  get given(): boolean {
    return this.control?.given ?? false;
  }

  /** Whether it is of use to ask for control: who may act just does, where it has not been given to another. */
  get asks(): boolean {
    const { control } = this;
    return control !== null && !control.you && (control.role === "viewer" || (control.given && control.role !== "owner"));
  }

  may(feature: Feature): boolean {
    return this.actions.may(feature);
  }

  /** Why a feature may not be used that the person's role could use; undefined: it may, or the role could not. */
  refusal(feature: Feature): Refusal | undefined {
    return this.actions.refusal(feature);
  }

  /** A new connection: what was known may have changed. */
  reset(): void {
    this.control = null;
  }

  controlled(control: Control): void {
    this.control = control;
    this.actions.changed();
  }

  told(people: People): void {
    this.people = people;
    this.company.say(people.people);
    this.actions.changed();
  }

  made(link: Shared): void {
    this.actions.made(link);
  }

  give(viewer: string): void {
    this.actions.send({ type: "give", viewer });
  }

  take(): void {
    this.actions.send({ type: "take" });
  }

  /** Asks for control; false when it has not been sent. */
  ask(): boolean {
    return this.actions.send({ type: "ask" });
  }

  share(role: ShareRole, minutes: number, name: string): void {
    this.actions.send({ type: "share", role, minutes, name });
  }

  revoke(share: string): void {
    this.actions.send({ type: "revoke", share });
  }
}
