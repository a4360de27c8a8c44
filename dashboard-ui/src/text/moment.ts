/** Moments in the viewer's zone, with the zone named. */

const two = (value: number): string => String(value).padStart(2, "0");

/** "14:03:07"; with the date where it is not today's. */
export function clockText(at: number, now: number): string {
  const moment = new Date(at);
  const time = `${two(moment.getHours())}:${two(moment.getMinutes())}:${two(moment.getSeconds())}`;
  return new Date(now).toDateString() === moment.toDateString() ? time : `${dateText(moment)} ${time}`;
}

/** "2026-11-27 14:03:07.412 GMT+1 (Europe/Berlin)". */
export function fullMomentText(at: number): string {
  const moment = new Date(at);
  const time = `${two(moment.getHours())}:${two(moment.getMinutes())}:${two(moment.getSeconds())}`;
  const ms = String(moment.getMilliseconds()).padStart(3, "0");
  return `${dateText(moment)} ${time}.${ms} ${zoneText(moment)}`;
}

/** "14:03", for axes and sliders. */
export function shortClockText(at: number): string {
  const moment = new Date(at);
  return `${two(moment.getHours())}:${two(moment.getMinutes())}`;
}

function dateText(moment: Date): string {
  return `${String(moment.getFullYear())}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
}

function zoneText(moment: Date): string {
  const minutes = -moment.getTimezoneOffset();
  const offset = Math.abs(minutes);
  const sign = minutes < 0 ? "\u2212" : "+";
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const shift =
    minutes === 0 ? "" : `${sign}${String(Math.floor(offset / 60))}${offset % 60 === 0 ? "" : `:${two(offset % 60)}`}`;
  return `GMT${shift} (${zone})`;
}
