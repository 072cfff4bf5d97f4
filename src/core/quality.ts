/** OPC UA-style quality of a reading, 0 to 255: the three values that senders and screens use. */
export const good = 192
export const uncertain = 64
export const bad = 0
