// Sizes as `ui/formatting.py` writes them, for what the server cannot know: the bytes of a file on their way.
"use strict";
{
    // 612 bytes, 4.1 kB, 18 MB: in steps of a thousand, half up, with one decimal below ten.
    function sizeText(bytes) {
        if (bytes < 1000) {
            return `${bytes} ${bytes === 1 ? "byte" : "bytes"}`;
        }
        const names = ["kB", "MB", "GB", "TB"];
        let unit = 1000;
        while (bytes >= 999.5 * unit && names.length > 1) {
            unit *= 1000;
            names.shift();
        }
        const tenths = Math.round(bytes / (unit / 10));
        return `${tenths < 100 ? (tenths / 10).toFixed(1) : Math.round(bytes / unit)} ${names[0]}`;
    }

    window.tallydesk = {...window.tallydesk, sizeText};
}
