"""What another program reads in a workbook's sheets. Runs in its own process, because it holds a whole sheet."""

import json
import sys

from python_calamine import CalamineWorkbook


def main(path: str) -> None:
    """Print the header, the number of rows and the sum of the costs of each sheet, as JSON."""
    workbook = CalamineWorkbook.from_path(path)
    sheets = []
    for name in workbook.sheet_names:
        rows = workbook.get_sheet_by_name(name).iter_rows()
        header = next(rows)
        place = header.index("Total cost")
        number, cost = 0, 0.0
        for row in rows:
            number += 1
            cost += float(str(row[place]) or 0)
        sheets.append({"header": header, "rows": number, "cost": cost})
    print(json.dumps(sheets))


if __name__ == "__main__":
    main(sys.argv[1])
