/** Rows with a period – appointments, assignments, grants – that hold at a moment. */
export const holdingAt = (at: Date) => ({ validFrom: { lte: at }, OR: [{ validUntil: null }, { validUntil: { gt: at } }] });
