/** Of the operator that serves what names no other. */
export const defaultClass = 'evengate';
