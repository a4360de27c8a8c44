/** A line of numbers without axes; what it says stands beside it in words. */

export function Sparkline({
  values,
  label,
  width = 96,
  height = 20,
  ink = "text-running",
  stretched = false,
}: {
  readonly values: readonly number[];
  readonly label: string;
  readonly width?: number;
  readonly height?: number;
  readonly ink?: string;
  /** As wide as its place, not as `width`. */
  readonly stretched?: boolean;
}) {
  if (values.length < 2) return null;
  const top = Math.max(...values, 0) || 1;
  const step = (width - 2) / (values.length - 1);
  const points = values.map((value, index) => {
    const y = height - 1.5 - (Math.max(0, value) / top) * (height - 3);
    return `${(1 + index * step).toFixed(1)},${y.toFixed(1)}`;
  });
  const base = `${String(width - 1)},${String(height)} 1,${String(height)}`;
  return (
    <svg
      role="img"
      aria-label={label}
      width={width}
      height={height}
      viewBox={`0 0 ${String(width)} ${String(height)}`}
      preserveAspectRatio="none"
      className={`${stretched ? "w-full" : "max-w-full"} shrink-0 ${ink}`}
    >
      <polygon points={`${points.join(" ")} ${base}`} fill="currentColor" opacity="0.14" />
      <polyline
        points={points.join(" ")}
        fill="none"
        stroke="currentColor"
        strokeWidth="1.3"
        strokeLinejoin="round"
        vectorEffect="non-scaling-stroke"
      />
    </svg>
  );
}
