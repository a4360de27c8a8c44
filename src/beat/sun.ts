/**
 * Where the sun stands, by Meeus' "Astronomical Algorithms", chapters 12, 22 and 25: within 0.01°, that is a few seconds for rising
 * and setting at middle latitudes. Without refraction, which is a matter of the horizon that is asked for.
 */

export interface Sun {
  /** How far it has gone since it stood in the meridian, in radians, −π…π. */
  readonly hourAngle: number;
  /** Of its centre above the horizon, as seen from the ground (not from the middle of the Earth), in degrees. */
  readonly altitude: number;
  /** Half its width, in degrees. */
  readonly radius: number;
}

const { sin, cos, asin, atan2, round, PI } = Math;
const degree = PI / 180;
const dayMs = 86_400_000;
/** Noon of 1 January 2000, unix ms. */
const j2000 = 946_728_000_000;
/** The uniform time of the planets minus the clock's, in days: 69 s today. A minute more or less moves the sun by a fifth of a second. */
const deltaT = 69 / 86_400;

/** The sun at an instant (unix ms) for a place in degrees, north and east positive. */
export function sunAt(instant: number, latitude: number, longitude: number): Sun {
  const days = (instant - j2000) / dayMs;
  const { rightAscension, declination, distance } = apparent((days + deltaT) / 36_525);
  const sidereal = degree * (280.46061837 + 360.98564736629 * days + longitude);
  const hourAngle = wrapped(sidereal - rightAscension);
  const phi = latitude * degree;
  const geocentric = asin(
    Math.max(-1, Math.min(1, sin(phi) * sin(declination) + cos(phi) * cos(declination) * cos(hourAngle))),
  );
  const parallax = (8.794 / 3_600 / distance) * cos(geocentric);
  return { hourAngle, altitude: geocentric / degree - parallax, radius: 959.63 / 3_600 / distance };
}

/** In Julian centuries since 2000: radians, and astronomical units. */
function apparent(t: number): {
  readonly rightAscension: number;
  readonly declination: number;
  readonly distance: number;
} {
  const anomaly = degree * (357.52911 + t * (35_999.05029 - t * 0.0001537));
  const eccentricity = 0.016708634 - t * (0.000042037 + t * 0.0000001267);
  const centre =
    (1.914602 - t * (0.004817 + t * 0.000014)) * sin(anomaly) +
    (0.019993 - t * 0.000101) * sin(2 * anomaly) +
    0.000289 * sin(3 * anomaly);
  const node = degree * (125.04 - 1_934.136 * t);
  // Mean longitude and the equation of the centre, then aberration and the main term of nutation.
  const mean = 280.46646 + t * (36_000.76983 + t * 0.0003032);
  const longitude = degree * (mean + centre - 0.00569 - 0.00478 * sin(node));
  const obliquity = degree * (23.4392911 - t * (0.0130042 + t * (0.00000016 - t * 0.000000504)) + 0.00256 * cos(node));
  return {
    rightAscension: atan2(cos(obliquity) * sin(longitude), cos(longitude)),
    declination: asin(sin(obliquity) * sin(longitude)),
    distance: (1.000001018 * (1 - eccentricity * eccentricity)) / (1 + eccentricity * cos(anomaly + centre * degree)),
  };
}

/** Into −π…π. */
export function wrapped(angle: number): number {
  return angle - 2 * PI * round(angle / (2 * PI));
}
