/** Something that the user can mend, in one sentence. */
export class Problem extends Error {}
