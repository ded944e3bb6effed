// Numbers as a person reads them.

// A number with at most three decimals; null if it is unknown.
export const rounded = (value) => (value == null ? null : Number(value.toFixed(3)));
export const degrees = (value) => `${value > 0 ? "+" : ""}${value.toFixed(2)}°`;
export const percent = (value) =>
  (value === 0 || value >= 0.001 ? `${(100 * value).toFixed(1)} %` : `${(100 * value).toPrecision(1)} %`);
