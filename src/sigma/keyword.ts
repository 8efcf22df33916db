// What keywords search: every text of the event itself, wherever it stands, and nothing of the profile.

import { EVENT_FIELDS } from "../core/event-fields.ts";
import { SERVICES } from "../core/event.ts";
import type { Service } from "../core/event.ts";
import type { Matcher } from "../core/rule.ts";
import { findField } from "./fields.ts";
import type { TextTest } from "./pattern.ts";

/** Fields of an event that hold text, lists of text, or (detail) a map of text. */
export function ownText(test: TextTest, service: Service | null): Matcher {
  const names = new Set((service === null ? SERVICES : [service]).flatMap((each) => [...EVENT_FIELDS[each].keys()]));
  const readers = [...names].flatMap((name) => findField(name) ?? []).map((field) => field.read);
  return (event, profile) => {
    for (let index = 0; index < readers.length; index++) {
      if (holds(readers[index]!(event, profile), test)) return true;
    }
    return holds(event.detail, test);
  };
}

/** Any depth of any JSON value; walked without recursion. */
export function anyText(test: TextTest): Matcher {
  return (event) => {
    const waiting: unknown[] = [event];
    for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
      if (typeof value === "string" && test(value)) return true;
      if (typeof value === "object" && value !== null) {
        for (const each of Object.values(value)) if (each !== undefined && each !== null) waiting.push(each);
      }
    }
    return false;
  };
}

function holds(value: unknown, test: TextTest): boolean {
  if (typeof value === "string") return test(value);
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).some((each) => typeof each === "string" && test(each));
}
