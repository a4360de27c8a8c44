/** One object in front of another: the same but for some members. What stands between the core and a driver is made of these. */

/** The same object but for `changes`; drivers' objects have state of their own, so their methods stay bound to them. */
export function over<T extends object>(target: T, changes: Partial<T>): T {
  return new Proxy(target, {
    get(_, key) {
      if (Object.hasOwn(changes, key)) return changes[key as keyof T];
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}
